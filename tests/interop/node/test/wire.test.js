import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBase64, parseJson, parseObject, parseSealed, sseData, utf8 } from '../src/wire.js';

async function dataOf(...pieces) {
  const data = [];
  for await (const item of sseData(pieces)) data.push(item);
  return data;
}

test('base64 is canonical or refused', () => {
  assert.deepEqual([...fromBase64('AAEC')], [0, 1, 2]);
  assert.deepEqual([...fromBase64('')], []);
  const texts = ['AAE', 'AA', 'AB==', 'AAF=', 'AAEC=', 'AA EC', 'AAEC\n', '-_8=', 'AAE=AAE=', 'é', '===='];
  for (const bad of texts) {
    assert.throws(() => fromBase64(bad), { code: 'ISO-6002' }, bad);
  }
  for (const bad of [[0, 1], 7, null, undefined, {}]) {
    assert.throws(() => fromBase64(bad), { code: 'ISO-6002' });
  }
});

test('JSON is strict UTF-8, and objects are objects', () => {
  assert.deepEqual(parseObject(utf8(' {"a":1} '), 'ISO-6001'), { a: 1 });
  for (const bad of ['', '[]', 'null', '"x"', '7', '{', '{"a":1}x', '\ufeff{}', "{'a':1}", '{"a":NaN}']) {
    assert.throws(() => parseObject(utf8(bad), 'ISO-6001'), { code: 'ISO-6001' }, bad);
  }
  assert.throws(() => parseObject(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 'ISO-6001'),
    { code: 'ISO-6001' });
});

test('deep nesting is refused, brackets in strings are not nesting', () => {
  assert.throws(() => parseJson(utf8('['.repeat(129) + ']'.repeat(129)), 'ISO-4003'), { code: 'ISO-4003' });
  assert.doesNotThrow(() => parseJson(utf8('['.repeat(128) + ']'.repeat(128)), 'ISO-4003'));
  assert.throws(() => parseJson(utf8('['.repeat(1e6) + ']'.repeat(1e6)), 'ISO-4003'), { code: 'ISO-4003' });
  assert.equal(parseJson(utf8(JSON.stringify('[\\"'.repeat(9999))), 'ISO-4003'), '[\\"'.repeat(9999));
  assert.doesNotThrow(() => parseJson(utf8(JSON.stringify(Array(2000).fill([]))), 'ISO-4003'));
});

test('what parsers read differently is refused', () => {
  const bad = ['{"a":1,"a":1}', '[{"b":{"a":1,"\\u0061":2}}]', '"\\ud800"', '{"\\udfff":1}', '9'.repeat(4301),
    `[1.${'0'.repeat(4300)}]`];
  const good = ['{"a":{"a":1},"b":[{"a":1},{"a":2}],"c":"a"}', '{"a":["x","x",{"x":"x"}],"x":"a"}', '"\\ud83e\\udd8a"',
    '"\\\\ud800"', '9'.repeat(4300), '[-1.5e+3,true,null,""]', '{"":1,"a\\"":",\\"a\\":"}', ' { "a" : 1 , "b" : 2 } '];
  for (const source of bad) assert.throws(() => parseJson(utf8(source), 'ISO-4003'), { code: 'ISO-4003' }, source);
  for (const source of good) assert.deepEqual(parseJson(utf8(source), 'ISO-4003'), JSON.parse(source));
});

test('the sealed object: numbers, arrays and short nonces are refused', () => {
  const sealed = (value) => () => parseSealed(utf8(JSON.stringify(value)));
  const n = 'AAAAAAAAAAAAAAAA';
  assert.doesNotThrow(sealed({ ct: '', n, sessionId: 'further member' }));
  const shapes = [{ ct: '' }, { n }, { ct: [1], n }, { ct: '', n: [1] }, { ct: '', n: 'AAAA' }, { ct: 7, n }];
  for (const bad of shapes) {
    assert.throws(sealed(bad), { code: 'ISO-6001' }, JSON.stringify(bad));
  }
  assert.throws(sealed({ ct: '*', n }), { code: 'ISO-6002' });
  assert.throws(sealed({ ct: '', n: '*' }), { code: 'ISO-6002' });
});

test('server-sent events, cut at every byte', async () => {
  const text = ': comment\ndata: one\r\n\r\nevent: x\rid: 1\rdata:two\r\r'
    + 'data:  é🦊\nretry: 5\n\ndata\n\n:\n\ndata: lost';
  const expected = ['one', 'two', ' é🦊', ''];
  const bytes = utf8(text);
  for (let i = 0; i <= bytes.length; i++) {
    assert.deepEqual(await dataOf(bytes.subarray(0, i), bytes.subarray(i)), expected, `cut at ${i}`);
  }
  assert.deepEqual(await dataOf(...Array.from(bytes, (byte) => Uint8Array.of(byte))), expected);
});

test('several data lines are one event', async () => {
  const bytes = utf8('data: a\r\ndata: b\r\n\r\n');
  for (let i = 0; i <= bytes.length; i++) {
    assert.deepEqual(await dataOf(bytes.subarray(0, i), bytes.subarray(i)), ['a\nb'], `cut at ${i}`);
  }
});

test('a line that never ends is refused', async () => {
  const piece = new Uint8Array(1024 * 1024).fill(0x78);
  await assert.rejects(dataOf(...Array(17).fill(piece)), { code: 'ISO-7002' });
});
