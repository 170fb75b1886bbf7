import { MemoryElectionStore, MemoryStoreData } from './memory-store.js';
import { describeElectionStore } from './store-contract.js';

describeElectionStore('memory', async () => {
  const data = new MemoryStoreData();
  const stores: MemoryElectionStore[] = [];
  await Promise.resolve();
  return {
    another: async () => {
      const store = new MemoryElectionStore(data);
      stores.push(store);
      return Promise.resolve(store);
    },
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
    },
  };
});
