/** The networks that all peers train, for images [32, 32, 3] and ten classes; each peer has them in a file of its own. */

/** What they are, and what updates their weights. */
export const NETWORKS = {
  study: 'the study’s network, by Adam',
  resnet: 'ResNet-20 (He et al. 2016), by SGD with momentum 0.9',
} as const;

export type NetworkName = keyof typeof NETWORKS;
