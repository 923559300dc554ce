# SPDX-License-Identifier: BSD-3-Clause
"""Shipped tables: reference data of our own making (see README.md) and the isotopes."""
