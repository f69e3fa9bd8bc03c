// The operations of the harness protocol for sealed envelopes.

import { DETERMINISTIC, bytes, identityOf } from './arguments.js';
import { openFields, sealFields } from './seal-fields.js';
import {
  SIZE_IN_CONTEXT, SIZE_UNKNOWN, open, openFramed, openMedia, openSigned, openWebhook, seal, sealFramed, sealMedia,
  sealSigned, sealWebhook,
} from './seal.js';
import { lowerCase, parseJson, parseObject, text, utf8 } from './wire.js';

const parsed = (body) => parseObject(utf8(body), 'ISO-6001');
const drawn = ({ m, n }) => ({ m: bytes(m), ...(n === undefined ? {} : { n: bytes(n) }) });
const signing = (args) => [identityOf(args.signer_seed), { ...drawn(args), rnd: DETERMINISTIC }];
const json = (value) => ({ body: JSON.stringify(value) });

export const SEAL_STEPS = {
  'seal.open': ({ dk, body, context }) => ({ payload: open(bytes(dk), parsed(body), context) }),
  'seal.open_signed'({ dk, body, context, signers }) {
    const { data, signer } = openSigned(bytes(dk), parsed(body), context, signers.map(bytes));
    return { payload: data, signer };
  },
  'seal.open_frames'({ dk, body, context, size, size_in_context: inContext }) {
    const known = inContext ? SIZE_IN_CONTEXT : size ?? SIZE_UNKNOWN;
    return { payload: openFramed(bytes(dk), parsed(body), context, known) };
  },
  'seal.open_fields': ({ dk, body, paths }) => (
    json(openFields(bytes(dk), parseJson(utf8(body), 'ISO-6001'), paths))),
  'seal.open_webhook'({ dk, headers, body, signers, events }) {
    const sent = { headers: lowerCase(headers), body };
    const { event, data } = openWebhook(bytes(dk), sent, events, signers.map(bytes));
    return { event, payload: text(data) };
  },
  'seal.open_media'({ dk, body, types, size }) {
    return { payload: openMedia(bytes(dk), parsed(body), types, size ?? SIZE_UNKNOWN).data };
  },
};

export const SEAL_SEEDED_STEPS = {
  'seal.seal': ({ ek, payload, context, ...draws }) => json(seal(bytes(ek), bytes(payload), context, drawn(draws))),
  'seal.sign': ({ ek, payload, context, ...args }) => (
    json(sealSigned(bytes(ek), bytes(payload), context, ...signing(args)))),
  'seal.frames': ({ ek, payload, context, m, frame_size: frameSize }) => (
    json(sealFramed(bytes(ek), bytes(payload), context, { m: bytes(m), frameSize }))),
  'seal.fields': ({ ek, body, paths, draws }) => (
    json(sealFields(bytes(ek), parseJson(utf8(body), 'ISO-6001'), paths, draws.map(drawn)))),
  'seal.webhook': ({ ek, event, payload, ...args }) => sealWebhook(bytes(ek), event, payload, ...signing(args)),
  'seal.media': ({ ek, payload, type, m, frame_size: frameSize }) => (
    json(sealMedia(bytes(ek), bytes(payload), type, { m: bytes(m), frameSize }))),
};
