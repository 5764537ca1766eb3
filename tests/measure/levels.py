#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Levels of variance: by what do the ratios of a run of bench-suite vary, and on which level?

levels.py DIR prints TSV, for each label and row of DIR/rows.tsv up to 16 MB: the ratio to the first
label; in percent half of its 95 % interval, the deviation of passes (what is left if that of their
rounds is taken out), of the mean of a pass by its rounds, and of a round; and, with distance.tsv,
ratio and deviation in passes with near processors (under 150 ns) and in those with distant ones."""
import csv
import math
import os
import statistics as st
import sys
from collections import defaultdict

T95 = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26]
T95 += [2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10]
NEAR_NS = 150
MOST_BYTES = 16 << 20


def table(path):
    with open(path, newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def center(v):
    """The median of all averages of two, as lib/stats/paired.c."""
    return st.median((v[i] + v[j]) / 2 for i in range(len(v)) for j in range(i, len(v)))


def error(v):
    """Of the center, by leaving out an eighth at a time: neighbours are alike."""
    n = min(len(v), 8)
    cut = [round(i * len(v) / n) for i in range(n + 1)]
    left = [center(v[:a] + v[b:]) for a, b in zip(cut, cut[1:])]
    return math.sqrt((n - 1) * st.pvariance(left))


def percent(x):
    return f"{100 * x:.2f}"


def state(passes):
    if len(passes) < 2:
        return [len(passes), "NA", "NA"]
    return [len(passes), f"{math.exp(st.mean(passes)):.4f}", percent(st.stdev(passes))]


folder = sys.argv[1]
time = defaultdict(lambda: defaultdict(dict))
labels = []
for row in table(f"{folder}/rows.tsv"):
    many = row["bench"] == "bench-conc" and row["op"] != "first-reply"
    value, label = row["ops_per_s" if many else "p50_us"], row["label"]
    if label == "label" or value == "NA" or float(value) == 0:
        continue
    if int(row["size_bytes"]) > MOST_BYTES:
        continue
    if label not in labels:
        labels.append(label)
    of = time[row["bench"], row["op"], row["size_bytes"]][label]
    of[int(row["pass"]), int(row["round"])] = 1 / float(value) if many else float(value)
distance = {}
if os.path.exists(f"{folder}/distance.tsv"):
    distance = {int(r["pass"]): int(r["distance_ns"]) for r in table(f"{folder}/distance.tsv")}

columns = """label bench op size_bytes passes rounds ratio half_percent passes_percent
    rounds_percent round_percent near near_ratio near_percent far far_ratio far_percent"""
print(*columns.split(), sep="\t")
for key, of in time.items():
    base = of[labels[0]]
    for label in labels[1:]:
        pairs = defaultdict(list)
        for when in sorted(of[label]):
            if when in base:
                pairs[when[0]].append(math.log(of[label][when] / base[when]))
        passes = {p: center(v) for p, v in pairs.items()}
        if len(passes) < 2:
            continue
        all_of = list(passes.values())
        spread = st.stdev(all_of)
        inner = [error(v) ** 2 for v in pairs.values() if len(v) > 1]
        within = math.sqrt(st.mean(inner)) if inner else 0
        single = st.mean(1.4826 * st.median(abs(x - st.median(v)) for x in v)
                         for v in pairs.values())
        half = T95[min(len(all_of) - 1, len(T95)) - 1] * spread / math.sqrt(len(all_of))
        near = [c for p, c in passes.items() if distance.get(p, 0) and distance[p] < NEAR_NS]
        far = [c for p, c in passes.items() if distance.get(p, 0) >= NEAR_NS]
        print(label, *key, len(passes), round(st.mean(len(v) for v in pairs.values())),
              f"{math.exp(st.mean(all_of)):.4f}", percent(half),
              percent(math.sqrt(max(0, spread ** 2 - within ** 2))), percent(within),
              percent(single), *state(near), *state(far), sep="\t")
