"""Linear algebra keeps to one thread where it is asked to, and has its threads back afterwards."""

from __future__ import annotations

import numpy as np
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from ariel_kit.core.runtime import one_blas_thread, one_thread


def blas_threads() -> set[int]:
    np.linalg.eigh(np.eye(3))
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_nested_blocks_use_one_thread_and_give_all_back():
    with threadpool_limits(2, user_api="blas"):
        before = torch.get_num_threads()
        with one_thread():
            with one_blas_thread():
                assert blas_threads() == {1}
            assert blas_threads() == {1}
            assert torch.get_num_threads() == 1
        assert blas_threads() == {2}
        assert torch.get_num_threads() == before
