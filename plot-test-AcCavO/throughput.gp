# Throughput by thread count
stem = "throughput"
heading = "Throughput by thread count"
subheading = "median of 12 samples, bars: 95 % interval · hf-2077 · made-up machine, 8 cores · 2026-11-21 (demo data)"
data = "throughput.dat"
chart_height = 450
array series_mark[8] = ['o', '*', '+', 'x', '#', '=', '%', '@']
array part_mark[8] = ['#', '=', '+', 'o', '*', '.', '%', '@']
series = 3
array series_name[3] = ["per item", "min-len cap 8", "counter"]
array series_color[3] = [1, 2, 3]
array series_label_y[3] = [16.8990059, 20.4965341, 25.8224679]
cores = 8
last_x = 16
cores_text = "8 physical cores"
beyond_text = "SMT siblings"
ticks = '"1" 1,"2" 2,"4" 4,"8" 8,"12" 12,"16" 16'
highest = 26.3322
ideal = 2.58819
ideal_label_x = 9.8891
x_title = "threads, one per physical core first"
y_title = "MiB/s"
# Colours, fonts and axes of every chart. A chart's .gp is this file, the chart's own values and the
# chart's script, one after the other, so that it can be drawn again beside its .dat:
#   gnuplot -e "theme='dark'; format='png'; picture='throughput-dark.png'" throughput.gp
# theme: light or dark. format: svg, png or terminal.
if (!exists("theme")) theme = 'light'
if (!exists("format")) format = 'png'
light = theme eq 'light'
svg = format eq 'svg'
terminal = format eq 'terminal'
background = light ? '#ffffff' : '#0d1117'
foreground = light ? '#1f2328' : '#e6edf3'
muted      = light ? '#59636e' : '#9198a1'
gridcolor  = light ? '#e3e7eb' : '#21262d'
bandcolor  = light ? '#f3f5f7' : '#151b23'
# Okabe-Ito, told apart with every kind of colour vision: baseline, patched, then the others.
array color[8]
color[1] = light ? '#D55E00' : '#F0883E'
color[2] = light ? '#0072B2' : '#58A6FF'
color[3] = light ? '#009E73' : '#3FB950'
color[4] = light ? '#CC79A7' : '#DB91C4'
color[5] = light ? '#B38600' : '#E3B341'
color[6] = light ? '#56B4E9' : '#79C0FF'
color[7] = light ? '#59636e' : '#9198a1'
color[8] = light ? '#000000' : '#ffffff'
array shape[8] = [7, 5, 9, 11, 13, 15, 6, 4]
chart_height = exists("chart_height") ? chart_height : 450
if (format eq 'png') {
  if (!exists("picture")) { picture = stem.'-'.theme.'.png' }
  set term pngcairo size 1680, 2 * chart_height font 'Inter,20' linewidth 2 background rgb background
  set output picture
}
if (svg) {
  if (!exists("picture")) { picture = stem.'-'.theme.'.svg' }
  set term svg size 840, chart_height dynamic enhanced font 'Inter,13' linewidth 1.3 background rgb background
  set output picture
}
if (terminal) { set term dumb size 96, 26 noenhanced }
set encoding utf8
big   = svg ? 'Inter:Bold,17' : 'Inter:Bold,26'
small = svg ? 'Inter,11' : 'Inter,16'
set border 3 lc rgb muted lw 1
set tics nomirror out scale 0.6 textcolor rgb muted
set xtics noenhanced
set ytics noenhanced
set key textcolor rgb foreground noenhanced
set xlabel textcolor rgb muted noenhanced
set ylabel textcolor rgb muted noenhanced
set pointintervalbox 0
unset title
pixels(y) = 1.0 - real(y) / chart_height
if (terminal) {
  set title heading noenhanced
} else {
  set grid ytics lc rgb gridcolor lt 1 lw 1
  set tmargin at screen pixels(66)
  set label 90 heading at screen 0.018, pixels(21) left front textcolor rgb foreground font big noenhanced
  set label 91 subheading at screen 0.018, pixels(44) left front textcolor rgb muted font small noenhanced
}
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
