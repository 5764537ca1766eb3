# SPDX-License-Identifier: ISC
"""Make an rpyc 5 library send references as rpyc 4.0 does: (number, class, module)."""

from rpyc.core import consts, protocol


def _box(self, obj, _five=protocol.Connection._box):
    label, value = _five(self, obj)
    if label == consts.LABEL_REMOTE_REF:
        module, _, name = value[0].rpartition(".")
        value = value[2], name, module
    return label, value


def install():
    protocol.Connection._box = _box
