# Horizontal stacked bars: where time goes. The .dat: row, label, part 1, part 2, ... and the text
# at the bar's end. Values: rows, parts, part_name[i], part_color[i], x_title, left_share.
set xlabel x_title offset 0,0.2
set yrange [rows-0.4:-0.6]
set xrange [0:highest*1.14]
unset ylabel
set border 1
unset grid
array from[rows + 1]
if (terminal) {
  set lmargin left_characters
  set key bottom right
  total(n) = sum [k=1:n] column(2 + k)
  plot for [i=1:parts] data using (total(i)):1:ytic(2) with points pt part_mark[i] title part_name[i].' ('.part_mark[i].')'
} else {
  set grid xtics lc rgb gridcolor lt 1
  set lmargin at screen left_share
  set rmargin 4
  set ytics scale 0 textcolor rgb foreground noenhanced
  set tmargin at screen pixels(92)
  set key at screen 0.985, pixels(62) right top horizontal reverse Left samplen 1 spacing 1.15 width (svg ? -2 : 0) font small maxrows 1
  set style fill solid 1.0 border rgb background
  total(n) = n < 1 ? 0 : (sum [k=1:n] column(2 + k))
  plot for [i=1:parts] data using (total(i-1)):1:(total(i-1)):(total(i)):($1-0.34):($1+0.34):ytic(2) with boxxyerror lc rgb color[part_color[i]] title part_name[i], \
    data using (total(parts)):1:(stringcolumn(3 + parts)) with labels left offset 0.6,0 textcolor rgb muted font small noenhanced notitle
}
