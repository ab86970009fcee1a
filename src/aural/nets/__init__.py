"""Networks: plain `nn.Module`s that know no task. Features come in as (batch, channel, band, frame) or (batch, band, frame);
frames are always the last axis, going out as well."""
