"""Declares two operators before a CUDA build of torchvision is imported beside a CPU build of torch.

Without them its import ends in "operator torchvision::nms does not exist". What is written in Python then works;
calling one of the two raises. Costs nothing until torchvision is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

_BOXES = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_kept: list[object] = []


class _BeforeTorchvision(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Never finds anything; declares the operators when torchvision is looked for."""
        if fullname == "torchvision" and not _kept:
            import torch

            if torch.version.cuda is None and torch.version.hip is None:
                library = torch.library.Library("torchvision", "DEF")
                library.define(f"nms{_BOXES}")
                library.define(f"qnms{_BOXES}")
                # The declarations last as long as this object.
                _kept.append(library)
        return None


sys.meta_path.insert(0, _BeforeTorchvision())
