// node --import ./testing/poison.mjs: WebAssembly works until SIGUSR2 comes; then every call into it throws.

let poisoned = false;
process.on('SIGUSR2', () => {
  poisoned = true;
  console.error('poisoned');
});

const instantiate = WebAssembly.instantiate.bind(WebAssembly);
WebAssembly.instantiate = async (source, imports) => {
  const { module, instance } = await instantiate(source, imports);
  const exports = {};
  for (const [name, value] of Object.entries(instance.exports)) {
    exports[name] = typeof value !== 'function' ? value : (...args) => {
      if (poisoned) throw new Error('poisoned');
      return value(...args);
    };
  }
  return { module, instance: { exports } };
};
