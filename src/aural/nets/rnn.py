"""Recurrent networks over frames.

Source    Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997; Schuster & Paliwal, Bidirectional
          recurrent neural networks, IEEE Trans. Signal Processing 45(11), 1997
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BidirectionalLSTM(nn.Module):
    """(batch, feature, frame) → (batch, 2 · hidden, frame), forward states first.

    `lengths` (batch,), where given, are the frames that each example of a padded batch really has: the backward states
    start at the last of them, so that padding changes nothing, and frames past it are zero.
    """

    def __init__(self, features: int, hidden: int, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, layers, batch_first=True, bidirectional=True, dropout=dropout)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        frames = x.transpose(1, 2)  # (batch, frame, feature)
        if lengths is None or bool((lengths == frames.shape[1]).all()):  # packing costs twice the time: only where it matters
            states, _ = self.lstm(frames)
        else:
            packed = pack_padded_sequence(frames, lengths.cpu(), batch_first=True, enforce_sorted=False)
            states, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True, total_length=frames.shape[1])
        return states.transpose(1, 2)
