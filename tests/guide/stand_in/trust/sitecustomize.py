# SPDX-License-Identifier: Apache-2.0
"""Lets a guide's script as it is trust the software NSM's root, as roots=[...] would."""

import functools
import os
import pathlib

try:
    import vsattest
except ImportError:  # the script will say so
    pass
else:
    roots = [pathlib.Path(os.environ["VSA_ROOT"])]
    vsattest.VsockAttestationClient.__init__ = functools.partialmethod(
        vsattest.VsockAttestationClient.__init__, roots=roots
    )
    vsattest.verify_attestation_document = functools.partial(
        vsattest.verify_attestation_document, roots=roots
    )
