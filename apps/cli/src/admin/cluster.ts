import type { Command } from '../command.js';
import { EXIT } from '../exit.js';
import { table, write, writeJson } from '../output.js';
import { Service } from '../service.js';

export const cluster: Command = {
  name: ['admin', 'cluster'],
  summary: 'Shows the state of etcd, the relay and the queues.',
  options: ['url'],
  async run({ options }) {
    const state = await new Service(options.url).get('/admin/v1/cluster');
    if (options.json) writeJson(state);
    else write(table(lines(state)));
    return EXIT.fine;
  },
};

/** Every value with the path that leads to it. */
function lines(value: unknown, path = ''): string[][] {
  if (typeof value !== 'object' || value === null) return [[path, String(value)]];
  return Object.entries(value).flatMap(([name, item]) => lines(item, path === '' ? name : `${path}.${name}`));
}
