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
