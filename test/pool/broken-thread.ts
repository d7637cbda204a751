throw new Error('broken on purpose');

export {};
