import { afterEach, describe, expect, it } from '@jest/globals';
import { Service } from '../service.js';
import { Worker } from '../worker.js';

let service: Service;
let worker: Worker;

afterEach(async () => {
  await worker?.process.stop();
  await service?.stop();
});

describe('a worker that is told to stop', () => {
  it('says so, lets its work end before its connections, and exits 0 within seconds', async () => {
    service = await Service.start();
    worker = await Worker.start(service, { RETENTION_EVERY_MINUTES: '0.01' });
    const beganMs = performance.now();
    worker.process.signal('SIGTERM');
    const { code } = await worker.process.exited;
    expect(code).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(10_000);
    const log = worker.log();
    expect(log).toContain('"msg":"stopping"');
    expect(log).not.toMatch(/"level":"?(error|fatal|50|60)/);
  });

  it('twice, stops at once', async () => {
    service = await Service.start();
    worker = await Worker.start(service);
    worker.process.signal('SIGSTOP');
    worker.process.signal('SIGTERM');
    worker.process.signal('SIGINT');
    worker.process.signal('SIGCONT');
    const { code } = await worker.process.exited;
    expect([0, 1]).toContain(code);
    expect(worker.log()).toContain('told twice to stop');
  });
});
