/** Light or dark, as the system says, before the first paint and when it changes. */
const system = matchMedia('(prefers-color-scheme: dark)');
const show = () => {
  document.documentElement.dataset.theme = system.matches ? 'dark' : 'light';
};
show();
system.addEventListener('change', show);

export {};
