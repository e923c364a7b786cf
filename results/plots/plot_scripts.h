/* The gnuplot scripts of scripts/plots, built into the program. */
#ifndef RESULTS_PLOT_SCRIPTS_H
#define RESULTS_PLOT_SCRIPTS_H

/* The text of scripts/plots/NAME.gp, or NULL. */
const char *plot_script(const char *name);

#endif
