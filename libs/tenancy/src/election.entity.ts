import { EntitySchema } from 'typeorm';

/** A row of `elections`: the managed copy of what the engine holds. */
export interface ElectionRow {
  tenantId: string;
  id: string;
  name: string;
  settings: object;
  createdAt: Date;
  updatedAt: Date;
}

const primaryKeyConstraintName = 'elections_pkey';

export const Elections = new EntitySchema<ElectionRow>({
  name: 'Election',
  tableName: 'elections',
  columns: {
    tenantId: { type: 'text', collation: 'C', name: 'tenant_id', primary: true, primaryKeyConstraintName },
    id: { type: 'text', collation: 'C', primary: true, primaryKeyConstraintName },
    name: { type: 'text', collation: 'C' },
    settings: { type: 'jsonb' },
    createdAt: { type: 'timestamptz', precision: 3, name: 'created_at', default: () => 'now()' },
    updatedAt: { type: 'timestamptz', precision: 3, name: 'updated_at', default: () => 'now()' },
  },
  uniques: [{ name: 'elections_name_key', columns: ['tenantId', 'name'] }],
  foreignKeys: [
    {
      name: 'elections_tenant_fkey',
      target: 'Tenant',
      columnNames: ['tenantId'],
      referencedColumnNames: ['id'],
    },
  ],
});
