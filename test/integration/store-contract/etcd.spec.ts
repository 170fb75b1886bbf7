import { type ElectionStore } from '#election';
import { EtcdElectionStore } from '#etcd';
import { describeElectionStore } from '../../../libs/testing/src/store-contract.js';
import { startPrivateEtcd } from '../../../libs/testing/src/local-stack/index.js';

describeElectionStore('etcd', async () => {
  const etcd = await startPrivateEtcd();
  const stores: ElectionStore[] = [];
  return {
    another: async () => {
      const store = await EtcdElectionStore.open({
        endpoints: etcd.urls,
        prefix: 'contract/',
        processId: `prc_${stores.length}`,
        databaseLimitBytes: 1_000_000_000,
      });
      stores.push(store);
      return store;
    },
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await etcd.stop();
    },
  };
});
