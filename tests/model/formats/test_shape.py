"""What a container may say about a video's pixels."""

from __future__ import annotations

import pytest

from model.errors import Unsupported
from model.formats.shape import check_matrix, check_square


@pytest.mark.parametrize("pixel", [(1, 1), (2, 1), (1, 2), (64, 45), (4, 3)])
def test_pixels_that_are_nearly_square(pixel: tuple[int, int]) -> None:
    check_square(*pixel)


@pytest.mark.parametrize("pixel", [(201, 100), (100, 201), (0, 1), (1, 0), (0, 0), (-1, -1)])
def test_pixels_that_are_not(pixel: tuple[int, int]) -> None:
    with pytest.raises(Unsupported, match="stretched"):
        check_square(*pixel)


@pytest.mark.parametrize("matrix", [1, 2, 4, 5, 6, 7, 9])
def test_matrices_of_televisions(matrix: int) -> None:
    check_matrix(matrix)


@pytest.mark.parametrize("matrix", [0, 3, 8, 10, 14, 255])
def test_other_matrices(matrix: int) -> None:
    with pytest.raises(Unsupported, match=f"the matrix {matrix} "):
        check_matrix(matrix)
