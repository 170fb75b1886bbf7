import { describe, expect, it } from '@jest/globals';
import 'reflect-metadata';
import { RequestMethod } from '@nestjs/common';
import { deprecationHeaders } from './deprecation.js';
import { buildDocument } from './openapi-document.js';
import { Operation, type OperationSpec } from './operation.js';

const since = new Date('2027-01-01T00:00:00.000Z');
const link = 'https://example.org/migrate';

describe('a deprecated call', () => {
  it('says since when, until when and what to do instead', () => {
    const sunset = new Date('2027-07-01T00:00:00.000Z');
    expect(deprecationHeaders({ since, sunset, link })).toEqual({
      deprecation: '@1798761600',
      sunset: 'Thu, 01 Jul 2027 00:00:00 GMT',
      link: '<https://example.org/migrate>; rel="deprecation"; type="text/html"',
    });
  });

  it('may leave its end open', () => {
    expect(deprecationHeaders({ since, link })).not.toHaveProperty('sunset');
  });

  it('cannot end before it is deprecated', () => {
    const sunset = new Date(since.getTime() - 1);
    expect(() => deprecationHeaders({ since, sunset, link })).toThrow(RangeError);
  });

  it('is marked in the document, and its route carries the headers for every answer', () => {
    const spec: OperationSpec = {
      ...{ id: 'oldCall', method: RequestMethod.GET, path: '/v1/old', tag: 'Elections', access: 'public' },
      ...{ summary: 'Old', description: 'Old.', answers: { 200: { description: 'Old.' } } },
      deprecated: { since, link },
    };
    class OldController {
      call(): void {}
    }
    const descriptor = Object.getOwnPropertyDescriptor(OldController.prototype, 'call');
    Operation(spec)(OldController.prototype, 'call', descriptor ?? {});
    expect(buildDocument([OldController])).toMatchObject({
      paths: { '/v1/old': { get: { operationId: 'oldCall', deprecated: true } } },
    });
    const config: unknown = Reflect.getMetadata('__fastify_route_config__', descriptor?.value as object);
    expect(config).toMatchObject({ policy: { deprecation: deprecationHeaders({ since, link }) } });
  });
});
