# SPDX-License-Identifier: BSD-3-Clause
"""The command line: ``glassnmr COMMAND``; one file a command, imported when it is called."""

from __future__ import annotations

from glassnmr.cli.base import Commands

__all__ = ["main"]

main = Commands(
    name="glassnmr",
    commands={
        "dataset": "Read, check and generate tables of DFT tensors.",
        "train": "Train a model on DFT tensors and save it as *.gnmr.",
        "validate": "Measure the error of a model by cross validation in groups.",
        "tune": "Search for the options of train with the least error.",
        "compare": "Compare descriptors and learners on the same folds.",
        "calibrate": "Fit computed values to measured crystals; put the line into a model.",
        "predict": "Predict the NMR parameters of every atom of structures.",
        "spectrum": "Turn predictions into a magic-angle spinning spectrum.",
        "mqmas": "Turn predictions into a sheared multiple-quantum spectrum.",
        "fit": "Fit models to a measured spectrum, overlay and score them.",
        "info": "Tell what is installed, or what a file holds.",
        "demo": "Run the whole chain on the shipped data, with figures.",
    },
    help="""From a model of an oxide glass to the solid-state NMR spectra that an experimenter would measure.

    \b
    Examples:
      glassnmr demo
      glassnmr train set.extxyz --isotope 29Si -o si.gnmr
      glassnmr predict glass.dump --types O,Si,Na --model si.gnmr -o glass.csv
      glassnmr spectrum glass.csv --isotope 29Si --field 9.4 -o si.png

    Exit status: 0 when all went well, 1 when a run failed, 2 when the input was wrong.
    """,
)
"""The group of all commands; calling it runs the command line and ends the process."""
