"""
The models of randomModels.ts in PyTorch: for each, in float64 and float32, what predict gives, the gradient of the first batch,
the losses of three steps of gradient descent, the weights after one and after three, and what predict gives then. Values have
their channels last, as there; weights go by a layer's name, which no other has.
"""

import json
import math
import sys

import torch

F = torch.nn.functional


def first(x):
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def margins(padding, extents, spans, strides):
    """What is put before and behind, for each dimension."""
    if padding == 'valid':
        return [(0, 0)] * len(extents)
    if padding == 'causal':
        return [(spans[0] - 1, 0)]
    if padding == 'same':
        totals = [max((-(-n // s) - 1) * s + span - n, 0) for n, span, s in zip(extents, spans, strides)]
        return [(total // 2, total - total // 2) for total in totals]
    return list(zip(padding[::2], padding[1::2]))


def padded(x, around, value=0.0):
    return F.pad(x, [n for side in reversed(around) for n in side], value=value)


def as_list(value):
    return value if isinstance(value, list) else [value]


def spans_of(sizes, rates):
    return [(size - 1) * rate + 1 for size, rate in zip(sizes, rates)]


def convolved(x, kernel, config, groups=1, **changed):
    """kernel [*size, in of a group, out]"""
    strides, rates, padding = ({**config, **changed}[key] for key in ('strides', 'dilationRate', 'padding'))
    strides, rates = as_list(strides), as_list(rates)
    around = margins(padding, x.shape[1:-1], spans_of(kernel.shape, rates), strides)
    conv = F.conv1d if len(strides) == 1 else F.conv2d
    turned = kernel.movedim((-1, -2), (0, 1)).contiguous()
    return last(conv(padded(first(x), around), turned, stride=strides, dilation=rates, groups=groups))


def ended(x, config, w):
    return activated(x + w['bias'] if config['useBias'] else x, config['activation'])


def activated(x, name):
    return {
        'linear': lambda: x,
        'relu': x.relu,
        'leakyRelu': lambda: F.leaky_relu(x, 0.2),
        'elu': lambda: F.elu(x),
        'gelu': lambda: F.gelu(x),
        'sigmoid': x.sigmoid,
        'tanh': x.tanh,
        'softplus': lambda: F.softplus(x),
        'silu': lambda: F.silu(x),
        'relu6': lambda: F.relu6(x),
        'selu': lambda: F.selu(x),
        'softsign': lambda: F.softsign(x),
        'mish': lambda: F.mish(x),
        'hardSilu': lambda: F.hardswish(x),
        'softmax': lambda: x.softmax(-1),
    }[name]()


def depthwise(x, kernel, config):
    height, width, channels, results = kernel.shape
    return convolved(x, kernel.reshape(height, width, 1, channels * results), config, groups=channels)


def transposed(x, config, w):
    kernel, strides, padding, extra = w['kernel'], config['strides'], config['padding'], config['outputPadding']
    spans = spans_of(kernel.shape, config['dilationRate'])
    y = F.conv_transpose2d(first(x), kernel.permute(3, 2, 0, 1).contiguous(), stride=strides, dilation=config['dilationRate'])
    for d in (0, 1):
        n, full = x.shape[d + 1], y.shape[d + 2]
        if padding == 'same':
            size = n * strides[d] if extra is None else (n - 1) * strides[d] + spans[d] % 2 + extra[d]
            before = max(full - size, 0) // 2
        elif padding == 'valid':
            size, before = full + (max(strides[d] - spans[d], 0) if extra is None else extra[d]), 0
        else:
            before = padding[2 * d]
            size = full - before - padding[2 * d + 1] + (0 if extra is None else extra[d])
        y = F.pad(y.movedim(d + 2, -1), (0, max(before + size - full, 0)))[..., before : before + size].movedim(-1, d + 2)
    return ended(last(y), config, w)


def windows(x, config):
    """The pools' sizes and strides, and what is around."""
    size, strides = as_list(config['poolSize']), as_list(config['strides'])
    return size, strides, margins(config['padding'], x.shape[1:-1], size, strides)


def max_pool(x, config):
    size, strides, around = windows(x, config)
    pool = F.max_pool1d if len(size) == 1 else F.max_pool2d
    return last(pool(padded(first(x), around, -math.inf), size, strides))


def mean_pool(x, config):
    """Means of what lies within."""
    size, strides, around = windows(x, config)
    pool = F.avg_pool1d if len(size) == 1 else F.avg_pool2d
    share = lambda y: last(pool(padded(first(y), around), size, strides))
    return share(x) / share(torch.ones_like(x))


def batch_norm(x, config, w, moves):
    gamma, beta, eps = w.get('gamma'), w.get('beta'), config['epsilon']
    if not moves:
        return last(F.batch_norm(first(x), w['movingMean'], w['movingVariance'], gamma, beta, False, eps=eps))
    with torch.no_grad():
        axes = list(range(x.dim() - 1))
        for name, value in (('movingMean', x.mean(axes)), ('movingVariance', x.var(axes, unbiased=False))):
            w[name].lerp_(value, 1 - config['momentum'])
    return last(F.batch_norm(first(x), None, None, gamma, beta, True, eps=eps))


def layer_norm(x, config, w):
    axes = sorted(axis % x.dim() for axis in as_list(config['axis']))
    ends = list(range(-len(axes), 0))
    turned = x.movedim(axes, ends)
    return F.layer_norm(turned, turned.shape[-len(axes) :], w.get('gamma'), w.get('beta'), config['epsilon']).movedim(ends, axes)


def group_norm(x, config, w):
    turned = x.movedim(config['axis'], 1)
    groups = turned.shape[1] if config['groups'] == -1 else config['groups']
    y = F.group_norm(turned, groups, None, None, config['epsilon']).movedim(1, -1)
    # Beside it, since its way back fails where it has one of the two alone.
    return (y * w.get('gamma', 1) + w.get('beta', 0)).movedim(-1, config['axis'])


def normalization(x, config, w):
    deviation = w['variance'].sqrt()
    return x * deviation + w['mean'] if config['invert'] else (x - w['mean']) / deviation


def attention(xs, config, w):
    query, value, key, mask = (xs + [None] * 4)[:4]
    value = query if value is None else value
    key = value if key is None else key

    def heads(x, title):
        y = torch.einsum('bpf,fhd->bhpd', x, w[title + '/kernel'])
        return y + w[title + '/bias'][:, None] if config['useBias'] else y

    queries, keys, values = heads(query, 'query'), heads(key, 'key'), heads(value, 'value')
    scores = queries @ keys.transpose(2, 3) / math.sqrt(config['keyDim'])
    if config['useCausalMask']:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -3e38)
    if mask is not None:
        scores = scores.masked_fill((mask == 0).reshape(len(mask), 1, -1, mask.shape[-1]), -3e38)
    y = torch.einsum('bhpd,hdf->bpf', scores.softmax(-1) @ values, w['attention_output/kernel'])
    return y + w['attention_output/bias'] if config['useBias'] else y


def recurrent(kind, x, config, w, folder='', backwards=None):
    backwards = config['goBackwards'] if backwards is None else backwards
    x = x.flip(1) if backwards else x
    kernel, inner = w[folder + 'kernel'].T, w[folder + 'recurrentKernel'].T
    bias = w.get(folder + 'bias')
    if kind == 'GRU':
        # Keras' gates are z, r, h, PyTorch's r, z, n.
        order = lambda t: torch.cat([t.chunk(3)[at] for at in (1, 0, 2)])
        kernel, inner = order(kernel), order(inner)
        biases = None if bias is None else [order(bias[0]), order(bias[1])]
    else:
        biases = None if bias is None else [bias, torch.zeros_like(bias)]
    state = x.new_zeros(1, len(x), inner.shape[1])
    run = getattr(torch, 'rnn_' + config['activation'] if kind == 'SimpleRNN' else kind.lower())
    states = run(x, (state, state) if kind == 'LSTM' else state, [kernel, inner, *(biases or [])], bias is not None, 1, 0.0, False, False, True)[0]
    return states if config['returnSequences'] else states[:, -1]


def bidirectional(x, config, w):
    kind, name = config['layer'], config['layerName'] or {'LSTM': 'lstm', 'GRU': 'gru', 'SimpleRNN': 'simple_rnn'}[config['layer']]
    there = recurrent(kind, x, config, w, f'forward_{name}/')
    back = recurrent(kind, x, config, w, f'backward_{name}/', not config['goBackwards'])
    back = back.flip(1) if config['returnSequences'] else back
    mode = config['mergeMode']
    return torch.cat([there, back], -1) if mode == 'concat' else there * back if mode == 'mul' else (there + back) * (0.5 if mode == 'ave' else 1)


def upsampled(x, config):
    if config['interpolation'] == 'bilinear':
        return last(F.interpolate(first(x), scale_factor=[float(n) for n in config['size']], mode='bilinear'))
    return x.repeat_interleave(config['size'][0], 1).repeat_interleave(config['size'][1], 2)


def relu(x, config):
    y = torch.where(x >= config['threshold'], x, config['negativeSlope'] * (x - config['threshold']))
    return y if config['maxValue'] is None else y.clamp(max=config['maxValue'])


def spread(xs):
    """Inputs that broadcast, the batch in front."""
    rank = max(x.dim() for x in xs)
    return [x.reshape(len(x), *[1] * (rank - x.dim()), *x.shape[1:]) for x in xs]


def merged(op):
    def run(xs, config, w, moves):
        xs = spread(xs)
        y = xs[0]
        for x in xs[1:]:
            y = op(y, x)
        return y

    return run


def larger(a, b):
    """Of equal ones the first, whose gradient is whole."""
    return torch.where(b > a, b, a)


def smaller(a, b):
    return torch.where(a > b, b, a)


LAYERS = {
    'Activation': lambda x, c, w, m: activated(x, c['activation']),
    'Add': merged(torch.add),
    'Average': lambda xs, c, w, m: merged(torch.add)(xs, c, w, m) / len(xs),
    'AveragePooling1D': lambda x, c, w, m: mean_pool(x, c),
    'AveragePooling2D': lambda x, c, w, m: mean_pool(x, c),
    'BatchNormalization': batch_norm,
    'Bidirectional': lambda x, c, w, m: bidirectional(x, c, w),
    'Concatenate': lambda xs, c, w, m: torch.cat(xs, c['axis']),
    'Conv1D': lambda x, c, w, m: ended(convolved(x, w['kernel'], c, c['groups']), c, w),
    'Conv2D': lambda x, c, w, m: ended(convolved(x, w['kernel'], c, c['groups']), c, w),
    'Conv2DTranspose': lambda x, c, w, m: transposed(x, c, w),
    'Cropping2D': lambda x, c, w, m: last(padded(first(x), margins([-n for n in c['cropping']], None, None, None))),
    'Dense': lambda x, c, w, m: ended(x @ w['kernel'], c, w),
    'DepthwiseConv2D': lambda x, c, w, m: ended(depthwise(x, w['kernel'], c), c, w),
    'ELU': lambda x, c, w, m: F.elu(x, c['alpha']),
    'Embedding': lambda x, c, w, m: w['embeddings'][x.long()],
    'Flatten': lambda x, c, w, m: x.reshape(len(x), -1),
    'GRU': lambda x, c, w, m: recurrent('GRU', x, c, w),
    'GlobalAveragePooling1D': lambda x, c, w, m: x.mean(1, c['keepDims']),
    'GlobalAveragePooling2D': lambda x, c, w, m: x.mean((1, 2), c['keepDims']),
    'GlobalMaxPooling1D': lambda x, c, w, m: x.amax(1, c['keepDims']),
    'GlobalMaxPooling2D': lambda x, c, w, m: x.amax((1, 2), c['keepDims']),
    'GroupNormalization': lambda x, c, w, m: group_norm(x, c, w),
    'LSTM': lambda x, c, w, m: recurrent('LSTM', x, c, w),
    'LayerNormalization': lambda x, c, w, m: layer_norm(x, c, w),
    'LeakyReLU': lambda x, c, w, m: F.leaky_relu(x, c['negativeSlope']),
    'MaxPooling1D': lambda x, c, w, m: max_pool(x, c),
    'MaxPooling2D': lambda x, c, w, m: max_pool(x, c),
    'Maximum': merged(larger),
    'Minimum': merged(smaller),
    'MultiHeadAttention': lambda x, c, w, m: attention(as_list(x), c, w),
    'Multiply': merged(torch.mul),
    'Normalization': lambda x, c, w, m: normalization(x, c, w),
    'PReLU': lambda x, c, w, m: torch.where(x > 0, x, x * w['alpha']),
    'Permute': lambda x, c, w, m: x.permute(0, *c['dims']),
    'ReLU': lambda x, c, w, m: relu(x, c),
    'RepeatVector': lambda x, c, w, m: x[:, None].expand(-1, c['n'], -1),
    'Rescaling': lambda x, c, w, m: x * c['scale'] + c['offset'],
    'Reshape': lambda x, c, w, m: x.reshape(len(x), *c['targetShape']),
    'SeparableConv2D': lambda x, c, w, m: ended(
        convolved(depthwise(x, w['depthwiseKernel'], c), w['pointwiseKernel'], c, strides=[1, 1], dilationRate=[1, 1], padding='valid'), c, w
    ),
    'SimpleRNN': lambda x, c, w, m: recurrent('SimpleRNN', x, c, w),
    'Softmax': lambda x, c, w, m: x.softmax(c['axis']),
    'Subtract': merged(torch.sub),
    'UpSampling2D': lambda x, c, w, m: upsampled(x, c),
    'ZeroPadding2D': lambda x, c, w, m: last(padded(first(x), margins(c['padding'], None, None, None))),
}


def factor(factors, x):
    return factors[0] * x.abs().sum() + factors[1] * (x * x).sum()


class Network:
    def __init__(self, asked, dtype):
        self.parts, self.graph = asked['parts'], asked['graph']
        self.values = {name: tensor(part, dtype) for name, part in asked['weights'].items()}
        self.used = {}
        self.training = False
        self.penalties = []

    def weights_of(self, name):
        """Those of a layer, by their names within it."""
        marked = f'/{name}/'
        found = ((('/' + full).partition(marked), full) for full in self.values)
        return {rest: full for (_, mark, rest), full in found if mark}

    def apply(self, name, x, frozen):
        part = self.parts[name]
        frozen = frozen or not part['trainable']
        kind = part['kind']
        if kind == 'graph':
            return self.run(part['graph'], as_list(x), frozen)
        if kind != 'layer':
            y = x
            for one in part['parts']:
                [y] = self.apply(one, y, frozen)
            return [y + x if part.get('residual') else y]
        config = part['config']
        full = self.weights_of(name)
        w = {rest: self.values[one] for rest, one in full.items()}
        y = LAYERS[part['className']](x, config, w, self.training and not frozen)
        if not frozen and name not in self.used:
            for rest in ('kernel', 'bias'):
                if config.get(rest + 'Regularizer') is not None and rest in w:
                    self.penalties.append(factor(config[rest + 'Regularizer'], w[rest]))
        self.used[name] = [] if frozen else [one for rest, one in full.items() if rest not in ('movingMean', 'movingVariance', 'mean', 'variance')]
        if config.get('activityRegularizer') is not None:
            self.penalties.append(factor(config['activityRegularizer'], y) / len(y))
        return [y]

    def run(self, graph, inputs, frozen=False):
        made = []
        at = lambda place: inputs[place[1]] if place[0] < 0 else made[place[0]][place[1]]
        for call in graph['calls']:
            read = [at(place) for place in call['inputs']]
            made.append(self.apply(call['part'], read if call['list'] else read[0], frozen))
        return [at(place) for place in graph['outputs']]

    def forward(self, inputs, training):
        self.training, self.used, self.penalties = training, {}, []
        return self.run(self.graph, inputs)

    def predict(self, inputs):
        with torch.no_grad():
            return [numbers(y) for y in self.forward(inputs, False)]


def tensor(part, dtype):
    return torch.tensor(part['data'], dtype=dtype).reshape(part['shape'])


def numbers(x):
    return x.detach().reshape(-1).tolist()


LOSSES = {
    'mse': lambda y, labels: ((y - labels) ** 2).mean(),
    'sparseCategoricalCrossentropy': lambda y, labels: F.nll_loss(y.log(), labels.long()),
    'binaryCrossentropy': lambda y, labels: F.binary_cross_entropy(y, labels),
}


def answer(asked, dtype):
    network = Network(asked, dtype)
    batches = [([tensor(x, dtype) for x in batch['x']], [tensor(y, dtype) for y in batch['y']]) for batch in asked['batches']]
    result = {'before': network.predict(batches[0][0]), 'losses': []}
    learnt = [full for all in network.used.values() for full in all]
    for full in learnt:
        network.values[full].requires_grad_()
    weights = lambda: {name: numbers(value) for name, value in network.values.items()}
    for step, (x, labels) in enumerate(batches):
        outputs = network.forward(x, True)
        parts = [one['weight'] * LOSSES[one['loss']](y, label) for one, y, label in zip(asked['losses'], outputs, labels)]
        loss = sum(parts) + sum(network.penalties)
        result['losses'].append(loss.item())
        given = [network.values[full] for full in learnt]
        slopes = torch.autograd.grad(loss, given, allow_unused=True) if given and loss.requires_grad else [None] * len(given)
        slopes = [torch.zeros_like(w) if g is None else g for w, g in zip(given, slopes)]
        if step == 0:
            result['gradient'] = {full: numbers(g) for full, g in zip(learnt, slopes)}
        with torch.no_grad():
            for w, g in zip(given, slopes):
                w -= asked['rate'] * g
        if step in (0, len(batches) - 1):
            result['first' if step == 0 else 'last'] = weights()
    result['after'] = network.predict(batches[0][0])
    return result


if __name__ == '__main__':
    torch.set_num_threads(1)
    questions = json.load(open(sys.argv[1]))
    json.dump([[answer(one, dtype) for dtype in (torch.float64, torch.float32)] for one in questions], open(sys.argv[2], 'w'))
    print('null')
