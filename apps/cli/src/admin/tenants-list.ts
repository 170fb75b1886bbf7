import type { Command } from '../command.js';
import { EXIT } from '../exit.js';
import { table, write, writeJson } from '../output.js';
import { Service } from '../service.js';

const COLUMNS = ['id', 'status', 'plan', 'createdAt', 'name'] as const;

export const tenantsList: Command = {
  name: ['admin', 'tenants', 'list'],
  summary: 'Lists the tenants.',
  options: ['search', 'url'],
  async run({ options }) {
    const tenants = await new Service(options.url).list('/admin/v1/tenants', { search: options.search });
    if (options.json) writeJson(tenants);
    else {
      const rows = tenants.map((tenant) => COLUMNS.map((name) => cellOf(tenant[name])));
      write(table([[...COLUMNS], ...rows]));
    }
    return EXIT.fine;
  },
};

function cellOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
