# Horizontal bars with intervals, one group a row, one bar a series. Blocks of the .dat (one a
# series): row, label, value, low, high, text. Values: rows, series, series_name[i],
# series_color[i], x_title, left_characters, legend_rows.
set xlabel x_title offset 0,0.2
set yrange [rows-0.4:-0.6]
set xrange [0:highest*1.16]
unset ylabel
set border 1
if (terminal) {
  set lmargin left_characters
  set key bottom right
  plot for [i=0:series-1] data index i using 3:1:ytic(2) with points pt series_mark[i+1] title series_name[i+1].' ('.series_mark[i+1].')'
} else {
  unset grid
  set grid xtics lc rgb gridcolor lt 1
  set lmargin at screen left_share
  set rmargin 4
  set ytics scale 0 textcolor rgb foreground noenhanced
  set tmargin at screen pixels(92 + 16 * (legend_rows - 1))
  set key at screen 0.985, pixels(62) right top horizontal reverse Left samplen 1 spacing 1.15 width (svg ? -2 : 0) font small maxrows legend_rows
  set style fill solid 1.0 noborder
  set errorbars small
  step = 0.78 / series
  middle(i) = (i - (series - 1) / 2.0) * step
  plot data index 0 using (0):1:ytic(2) with points pt -1 notitle, \
    for [i=0:series-1] data index i using (0):($1+middle(i)):(0):3:($1+middle(i)-0.45*step):($1+middle(i)+0.45*step) with boxxyerror lc rgb color[series_color[i+1]] title series_name[i+1], \
    for [i=0:series-1] data index i using 3:($1+middle(i)):4:5 with xerrorbars lc rgb foreground pt -1 lw 1 notitle, \
    for [i=0:series-1] data index i using ($5 > $3 ? $5 : $3):($1+middle(i)):6 with labels left offset 0.6,0 textcolor rgb muted font small noenhanced notitle
}
