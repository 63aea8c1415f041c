/**
 * Whether a request's `host` is one of this machine's own names: of a page that is served to this machine alone, a page of somebody
 * else, whose name was made to mean this machine, could read all that it shows.
 */
export const isOwnName = (host = ''): boolean => /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host);
