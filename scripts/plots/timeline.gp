# What every worker did during one batch. The .dat: begin, end (us), worker, part. Values: rows,
# parts, part_name[i], part_color[i], x_title, y_title, longest.
set xlabel x_title offset 0,0.2
set ylabel y_title
set yrange [rows-0.4:-0.6]
set xrange [0:longest]
unset grid
if (terminal) {
  set key bottom right
  plot for [i=1:parts] data using ($4 == i ? $1 : 1/0):3 with points title part_name[i]
} else {
  set grid xtics lc rgb gridcolor lt 1
  set tmargin at screen pixels(92)
  set key at screen 0.985, pixels(62) right top horizontal reverse Left samplen 1.2 spacing 1.15 width 1 font small maxrows 1
  set style fill solid 1.0 noborder
  plot for [i=1:parts] data using ($4 == i ? $1 : 1/0):3:1:2:($3-0.42):($3+0.42) with boxxyerror lc rgb color[part_color[i]] title part_name[i]
}
