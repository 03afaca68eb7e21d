'use strict';
// Prints the messages of reference_codecs/dubbo/vectors/peers.yaml as dubbo-remoting writes them, a line each:
// name, who sends it, bytes. Run it as `NODE_PATH=<its node_modules> node golden.js` when a new version is to be tried.

const protocol = require('dubbo-remoting');

const SERVICE = { serverSignature: 'com.demo.Shop:1.0.0', group: 'g1', timeout: 3000 };
const java = ($class, $) => ({ $class, $ });
const mug = java('com.demo.Item', {
  id: java('long', 7),
  name: java('java.lang.String', 'größe 😀'),
  tags: java('java.util.List', ['a', 'b']),
  price: java('double', 2.5),
});

function call(id, methodName, args, requestProps = {}) {
  return [id, { ...SERVICE, methodName, args, requestProps }];
}

const requests = {
  'call-without-arguments': call(1, 'list', []),
  'call-with-attachments': call(2, 'buy', [java('java.lang.String', 'mug'), java('int', 2)], { 'x-trace': 'abc-123', tag: 'gray' }),
  'call-with-an-object': call(3, 'put', [mug, java('java.util.Map', { k: [1, null, true] })]),
  'call-with-a-wide-id': call(Number.MAX_SAFE_INTEGER, 'list', []),
};
const responses = {
  'reply-of-a-value': [11, { isError: false, appResponse: java('com.demo.Item', { id: java('int', 7), name: 'mug' }) }],
  'reply-of-an-exception': [12, { isError: false, appResponse: java('com.demo.SoldOutException', { detailMessage: 'no mug' }) }],
  'reply-of-null-without-a-type': [13, { isError: false, appResponse: null }],
  'reply-of-an-error': [14, { isError: true, errorMsg: 'größe: no such thing' }],
};

const encoder = protocol.encoder({ sentReqs: new Map(), classCacheOn: false });
let told = '';
encoder.on('data', data => process.stdout.write(`${told} ${data.toString('hex')}\n`));
const tell = (name, side, write) => { told = `${name} ${side}`; write(); };
const options = { protocolType: 'dubbo', codecType: 'hessian2' };

for (const [name, [id, request]] of Object.entries(requests)) {
  tell(name, 'request', () => encoder.writeRequest(id, request));
}
tell('heartbeat', 'request', () => encoder.writeHeartbeat(21, { clientUrl: 'none' }));
for (const [name, [packetId, response]] of Object.entries(responses)) {
  tell(name, 'response', () => encoder.writeResponse({ packetId, options, data: {} }, response));
}
tell('answer-to-a-heartbeat', 'response', () => encoder.writeHeartbeatAck({ packetId: 21, options }));
