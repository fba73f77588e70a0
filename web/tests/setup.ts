import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeAll } from 'vitest';

// a machine that runs other things meanwhile is no failure
configure({ asyncUtilTimeout: 10000 });

beforeAll(() => {
  window.matchMedia = (query) =>
    ({
      matches: false,
      media: query,
      addEventListener: () => {},
      removeEventListener: () => {},
      addListener: () => {},
      removeListener: () => {},
    }) as unknown as MediaQueryList;
  window.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  window.scrollTo = () => {};
  const plain = window.getComputedStyle;
  window.getComputedStyle = (e) => plain(e); // pseudo elements are not there
});

afterEach(cleanup);
