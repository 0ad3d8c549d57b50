"""Figures that the reader moves: one module per chapter, each a chart from data."""

from skinlib.book.moving.attention import loudness
from skinlib.book.moving.dataset import split_simulator
from skinlib.book.moving.deformable import sampling_point
from skinlib.book.moving.experiments import decisions
from skinlib.book.moving.grad_cam import heat_map_moved
from skinlib.book.moving.losses import loss_dial
from skinlib.book.moving.network import pools_and_widths
from skinlib.book.moving.style import show
from skinlib.book.moving.verdict import power
