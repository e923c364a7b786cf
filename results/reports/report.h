/* A report of records: one HTML page that needs nothing else, and Markdown for a pull request with
 * its pictures beside it. Made from records alone. */
#ifndef RESULTS_REPORT_H
#define RESULTS_REPORT_H

#include "results/record.h"

/* Writes report.html and report.md to the folder (made if need be) and the pictures that the
 * Markdown shows. Without gnuplot both are written without pictures and say so. */
bool report_write(struct record *const *records, size_t count, const char *folder,
                  struct error *error);

#endif
