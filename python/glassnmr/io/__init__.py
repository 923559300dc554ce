# SPDX-License-Identifier: BSD-3-Clause
"""Reading structures and tensors, writing and reading predictions."""

from glassnmr.io.extxyz import write_extxyz_frame
from glassnmr.io.frames import count_frames, read_frames
from glassnmr.io.predictions import (
    Prediction,
    frames_done,
    merge_predictions,
    read_predictions,
    write_predictions,
)
from glassnmr.io.types import parse_types

__all__ = [
    "Prediction",
    "count_frames",
    "frames_done",
    "merge_predictions",
    "parse_types",
    "read_frames",
    "read_predictions",
    "write_extxyz_frame",
    "write_predictions",
]
