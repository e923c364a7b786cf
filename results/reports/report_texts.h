/* The texts of scripts/report, built into the program. */
#ifndef RESULTS_REPORT_TEXTS_H
#define RESULTS_REPORT_TEXTS_H

/* The text of scripts/report/NAME.css, or NULL. */
const char *report_text(const char *name);

#endif
