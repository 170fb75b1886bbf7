/** The environment, parsed once into one frozen typed object. The only place that reads `process.env`. */
export {
  type Config,
  InvalidConfiguration,
  parseConfig,
  readConfig,
  readSettings,
  settingsSchema,
} from './config.js';
