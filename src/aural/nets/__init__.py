"""Networks: plain `nn.Module`s that know no task. Features come in as (batch, channel, band, frame) or (batch, band, frame);
frames are always the last axis, going out as well.

    blocks.py       ConvBlock, CausalConv1d, Residual, padding, pooling over frames, receptive_field
    mlp.py          MLP; PerFrame
    cnn.py          CNN, vgg, FCN, Classifier
    tcn.py          TCN, causal or centred
    rnn.py          BidirectionalLSTM, Recurrent; the cells written out
    resnet.py       ResNet, SqueezeExcite        inception.py  Inception        unet.py  UNet, WaveUNet
    wavenet.py      WaveNetStack, WaveNet
    attention.py    additive, heads, rotary      transformer.py  Transformer, TransformerDecoder
    seq2seq.py      Seq2Seq                      decoding.py     greedy, beam
    autoencoder.py  AutoEncoder, NonNegative     vae.py          VAE, Quantiser
    gan.py          Generator, Critic and parts  complex.py      ComplexConv1d
    rbm.py          RBM, ConvRBM, DBN            hmm.py          HMM (its sums and maxima: aural.hmm)
    padding.py      Chain: what padding must not be heard by
    quick.py        quick: the same net, ready to run;  pieces.py  by_pieces: long inputs, as much at a time as a cache holds

`stride` is in frames of the input, `field` the frames that one output hears, `step` goes on from a state: whole = pieces.
"""
