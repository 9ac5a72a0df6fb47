"""The report of a run: what scripts/aedist-report is made of.

study.py      trials of one or several runs, and their groups that differ in the seed alone
intervals.py  means with intervals
draw.py       matplotlib and images as parts of a page that is light or dark
losses.py     curves, final losses, paired differences
heat.py       tables of shaded numbers: losses by noise in training and in the test
channels.py   filters and ablations: what the seeds agree upon
samples.py    reconstructions, and how they came about
codes.py      codes, decodings, confusion
extras.py     assembled curves, probe, products and the like
page.py       the order of things, and what is told in words; page.html.j2, style.css, page.js
command.py    arguments, files, --watch
"""
