import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryFolder, waitUntil } from '#testing';
import { freePortBase, Launch, survivors } from './launcher.js';

interface Answer {
  state: string;
  fence: number;
}

describe('npm start', () => {
  let folder: string;
  let base: number;
  let launched: Launch[];

  beforeEach(async () => {
    folder = temporaryFolder();
    base = await freePortBase();
    launched = [];
  });

  afterEach(async () => {
    for (const launch of launched) launch.signal('SIGTERM');
    await Promise.all(launched.map((launch) => launch.exited));
    rmSync(folder, { recursive: true, force: true });
  });

  function launch(...args: string[]): Launch {
    const started = new Launch(join(folder, 'data'), base, args);
    launched.push(started);
    return started;
  }

  async function campaign(stack: Launch): Promise<Answer> {
    const { url, init } = stack.printedCall('campaign');
    return (await (await fetch(url, init)).json()) as Answer;
  }

  it('keeps its data over a restart, and leaves no process behind, asked to stop or short of a server', async () => {
    const first = launch();
    await first.untilRunning();
    const { fence, state } = await campaign(first);
    expect(state).toBe('leader');
    const { processes } = first;
    expect([...processes.keys()].sort()).toEqual(['api-1', 'etcd', 'postgres', 'redis', 'start', 'worker']);

    const intruder = launch();
    expect(await intruder.exited).toBe(1);
    expect(intruder.output).toContain('Incumbent already runs on this data folder');
    expect(survivors(processes)).toHaveLength(processes.size);

    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    expect(survivors(processes)).toEqual([]);

    const second = launch();
    await second.untilRunning();
    expect(second.printedCall('campaign')).toEqual(first.printedCall('campaign'));
    const again = await campaign(second);
    expect(again).toMatchObject({ state: 'leader' });
    expect(again.fence).toBeGreaterThanOrEqual(fence);

    const running = second.processes;
    process.kill(running.get('redis') ?? 0, 'SIGKILL');
    expect(await second.exited).toBe(1);
    expect(second.output).toContain('redis was ended by SIGKILL');
    expect(survivors(running)).toEqual([]);
  }, 120_000);

  it('serves one election from three replicas on three etcd members, and kill -9 leaves no orphan', async () => {
    const stack = launch('--replicas', '3', '--etcd', '3');
    await stack.untilRunning();
    expect(await campaign(stack)).toMatchObject({ state: 'leader' });
    const { url, init } = stack.printedCall('campaign');
    const third = url.replace(`:${base}/`, `:${base + 2}/`).replace('/campaign', '/leader');
    const seen = await fetch(third, { headers: { authorization: init.headers['authorization'] ?? '' } });
    expect(await seen.json()).toMatchObject({ leader: { candidate: 'worker-1' } });

    const { processes } = stack;
    expect(processes.size).toBe(10);
    process.kill(processes.get('start') ?? 0, 'SIGKILL');
    expect(await stack.exited).not.toBe(0);
    await waitUntil(() => survivors(processes).length === 0, {
      what: 'the orphans to be stopped',
      withinMs: 25_000,
    });
  }, 120_000);

  it('names the port that is taken and the setting that moves it, and leaves nothing behind', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(base + 32, '127.0.0.1', resolve));
    try {
      const stack = launch();
      expect(await stack.exited).toBe(1);
      expect(stack.output).toContain(`Port ${base + 32} on 127.0.0.1, wanted for Postgres, is taken`);
      expect(stack.output).toContain('INCUMBENT_PORT_BASE=');
      expect(stack.output).not.toContain('servers  ');
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
  }, 30_000);

  it('refuses an option that it does not know, and shows those that it does', async () => {
    const stack = launch('--replica', '3');
    expect(await stack.exited).toBe(1);
    expect(stack.output).toContain("Unknown option '--replica'");
    expect(stack.output).toContain('--replicas <1..9>');
  }, 30_000);
});
