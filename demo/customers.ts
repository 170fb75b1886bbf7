import { readFileSync } from 'node:fs';

export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly phone: string;
}

/** Reads `customers.csv`: a heading, then `id,name,phone`; no field holds a comma. */
export function readCustomers(file: string): Customer[] {
  const [, ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [id = '', name = '', phone = ''] = line.split(',');
    return { id, name, phone };
  });
}
