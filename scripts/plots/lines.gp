# Lines over thread counts with intervals, the boundary between cores and SMT siblings, and the line
# of ideal scaling. Blocks of the .dat: threads, value, low, high.
# Values: series, series_name[i], series_color[i], series_ideal[i], series_last[i] (its last y),
# cores (0: unknown), last_x, ideal (value at 1 thread, or 0), x_title, y_title, ticks.
set xlabel x_title offset 0,0.2
set ylabel y_title offset 0.5,0
set xrange [0:last_x * 1.005]
set yrange [0:*]
eval 'set xtics ('.ticks.')'
unset key
if (terminal) {
  set key top left reverse Left samplen 1
  plot for [i=0:series-1] data index i using 1:2 with linespoints pt series_mark[i+1] title series_name[i+1].' ('.series_mark[i+1].')'
} else {
  set rmargin at screen 0.80
  if (cores > 0 && cores < last_x) {
    set object 1 rectangle from first cores, graph 0 to first last_x*1.005, graph 1 behind fc rgb bandcolor fs solid noborder
    set arrow 1 from first cores, graph 0 to first cores, graph 1 nohead lc rgb muted lw 1 dt (8,6) back
    set label 1 cores_text.' ' at first cores, graph 0.05 right textcolor rgb muted font small noenhanced
    set label 2 ' '.beyond_text at first cores, graph 0.05 left textcolor rgb muted font small noenhanced
  }
  do for [i=1:series] {
    set label 10+i series_name[i] at graph 1.015, first series_label_y[i] left textcolor rgb color[series_color[i]] font small noenhanced
  }
  if (ideal > 0) {
    set label 3 'ideal' at first ideal_label_x, first ideal*ideal_label_x*1.0 right offset -0.8,0.3 textcolor rgb muted font small noenhanced
  }
  size = svg ? 0.55 : 1.3
  set yrange [0:highest*1.08]
  plot (ideal > 0 ? ideal*x : NaN) with lines lc rgb muted lw 1 dt (4,5) notitle, \
    for [i=0:series-1] data index i using 1:2 with lines lc rgb color[series_color[i+1]] lw 2 notitle, \
    for [i=0:series-1] data index i using 1:3:(0):($4-$3) with vectors nohead lc rgb color[series_color[i+1]] lw 2 notitle, \
    for [i=0:series-1] data index i using 1:2 with points lc rgb color[series_color[i+1]] lw 2 pt shape[series_color[i+1]] ps size notitle
}
