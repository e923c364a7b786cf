# Vertical bars over size classes, one bar a series side by side. Blocks of the .dat (one a
# series): class, label, value. Values: rows, series, series_name[i], series_color[i], x_title,
# y_title.
set xlabel x_title offset 0,0.2
set ylabel y_title offset 0.5,0
set xrange [-0.6:rows-0.4]
set yrange [0:*]
set xtics scale 0
if (terminal) {
  set key top right
  plot for [i=0:series-1] data index i using 1:3:xtic(2) with impulses title series_name[i+1]
} else {
  set tmargin at screen pixels(92)
  set key at screen 0.985, pixels(62) right top horizontal reverse Left samplen 1 spacing 1.15 width (svg ? -2 : 0) font small maxrows 1
  set rmargin 3
  set style fill solid 1.0 noborder
  step = 0.8 / series
  middle(i) = (i - (series - 1) / 2.0) * step
  plot data index 0 using 1:(0):xtic(2) with points pt -1 notitle, \
    for [i=0:series-1] data index i using ($1+middle(i)):(0):($1+middle(i)-0.46*step):($1+middle(i)+0.46*step):(0):3 with boxxyerror lc rgb color[series_color[i+1]] title series_name[i+1]
}
