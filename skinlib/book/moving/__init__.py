"""Figures that the reader moves: one module per chapter, each a chart from data."""

from skinlib.book.moving.attention import loudness as loudness
from skinlib.book.moving.dataset import split_simulator as split_simulator
from skinlib.book.moving.deformable import sampling_point as sampling_point
from skinlib.book.moving.experiments import decisions as decisions
from skinlib.book.moving.grad_cam import heat_map_moved as heat_map_moved
from skinlib.book.moving.losses import loss_dial as loss_dial
from skinlib.book.moving.network import pools_and_widths as pools_and_widths
from skinlib.book.moving.style import show as show
from skinlib.book.moving.verdict import power as power
