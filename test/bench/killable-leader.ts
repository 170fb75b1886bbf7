/**
 * A leader to be killed: a process of its own that wins an election, says so, and renews once when it is asked to.
 * Arguments: "incumbent|attached <url> <api key> <election> <ttlMs>" or "etcd <url> <election>". It ends with its parent.
 */
import { AttachedIncumbent } from './attached-incumbent.js';
import { Gateway } from './etcd-gateway.js';
import { Incumbent } from './incumbent.js';
import { machineMs } from './machine-clock.js';

/** What the leader says, with moments of the machine's clock. */
export type Word = { word: 'leads'; ttlMs: number } | { word: 'renewed'; sentMs: number };

interface Leadership {
  ttlMs: number;
  renew: () => Promise<unknown>;
}

async function lead([kind, url = '', ...rest]: string[]): Promise<Leadership> {
  if (kind === 'incumbent' || kind === 'attached') {
    const [apiKey = '', election = '', ttlMs = ''] = rest;
    const participant =
      kind === 'attached' ? await AttachedIncumbent.connect(url, apiKey) : new Incumbent(url, apiKey);
    const standing = await participant.campaign(election, {
      candidate: `leader-${process.pid}`,
      ttlMs: Number(ttlMs),
    });
    if (standing.state !== 'leader')
      throw new Error(`The only candidate of ${election} is ${standing.state}`);
    return { ttlMs: Number(ttlMs), renew: () => participant.renew(election, standing.session) };
  }
  const [election = ''] = rest;
  const gateway = new Gateway(url);
  // etcd grants its smallest ttl instead of a smaller one that is asked for.
  const { lease, ttlSeconds } = await gateway.grant(1);
  await gateway.campaign(election, lease);
  return { ttlMs: ttlSeconds * 1_000, renew: () => gateway.keepAlive(lease) };
}

function say(word: Word): void {
  process.send?.(word);
}

process.on('disconnect', () => process.exit());
const { ttlMs, renew } = await lead(process.argv.slice(2));
/** Keeps itself alive until it is asked; then the answer to one more renewal is the last that it hears. */
let renewed: Promise<unknown> = Promise.resolve();
const timer = setInterval(() => {
  renewed = renewed.then(renew);
}, ttlMs / 4);
process.on('message', () => {
  clearInterval(timer);
  void renewed.then(async () => {
    const sentMs = machineMs();
    await renew();
    say({ word: 'renewed', sentMs });
  });
});
say({ word: 'leads', ttlMs });
