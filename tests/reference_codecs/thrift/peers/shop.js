// The structs of shop.thrift for npm's thrift, whose protocols write and read them without a compiler's output.
'use strict';
const { Thrift } = require('thrift');
const { Type } = Thrift;

const TYPES = {
  bool: [Type.BOOL, 'Bool'],
  i16: [Type.I16, 'I16'],
  i32: [Type.I32, 'I32'],
  i64: [Type.I64, 'I64'],
  double: [Type.DOUBLE, 'Double'],
  string: [Type.STRING, 'String'],
  binary: [Type.STRING, 'Binary'],
  list: [Type.LIST, 'List'],
  set: [Type.SET, 'Set'],
  map: [Type.MAP, 'Map'],
};

// Fields by struct: id, name, type. A type is a word of TYPES, a struct's name, or a container and what it holds.
const STRUCTS = {
  Item: [
    [1, 'id', 'i32'],
    [2, 'name', 'string'],
    [3, 'flags', ['list', 'bool']],
    [4, 'stock', ['map', 'string', 'i64']],
    [5, 'sizes', ['set', 'i32']],
    [6, 'picture', 'binary'],
    [7, 'price', 'double'],
    [8, 'sold', 'bool'],
    [9, 'parts', ['list', 'Item']],
    [200, 'shelf', 'i16'],
  ],
  SoldOut: [[1, 'why', 'string']],
  echo: [[1, 'item', 'Item']],
  buy: [[1, 'name', 'string']],
  fail: [[1, 'why', 'string']],
  note: [[1, 'text', 'string']],
  noted: [[1, 'text', 'string']],
  headers: [],
  'echo result': [[0, 'success', 'Item']],
  'buy result': [[0, 'success', 'i32'], [1, 'sold', 'SoldOut']],
  'fail result': [[0, 'success', 'i32']],
  'noted result': [[0, 'success', 'i32']],
  'headers result': [[0, 'success', ['map', 'string', 'string']]],
};

function wireType(type) {
  return (TYPES[Array.isArray(type) ? type[0] : type] || [Type.STRUCT])[0];
}

function write(output, type, value) {
  if (!Array.isArray(type)) {
    if (type in STRUCTS) writeStruct(output, type, value);
    else output[`write${TYPES[type][1]}`](value);
    return;
  }
  const [kind, ...of] = type;
  const name = TYPES[kind][1];
  const values = kind === 'map' ? Object.entries(value) : value.map((each) => [each]);
  output[`write${name}Begin`](...of.map(wireType), values.length);
  for (const each of values) of.forEach((part, at) => write(output, part, each[at]));
  output[`write${name}End`]();
}

function read(input, type) {
  if (!Array.isArray(type)) {
    if (type in STRUCTS) return readStruct(input, type);
    const value = input[`read${TYPES[type][1]}`]();
    return type === 'i64' ? Number(value) : value;
  }
  const [kind, ...of] = type;
  const name = TYPES[kind][1];
  const { size } = input[`read${name}Begin`]();
  const values = [];
  for (let at = 0; at < size; at += 1) values.push(of.map((part) => read(input, part)));
  input[`read${name}End`]();
  return kind === 'map' ? Object.fromEntries(values) : values.map(([each]) => each);
}

function writeStruct(output, name, value) {
  output.writeStructBegin(name);
  for (const [id, key, type] of STRUCTS[name]) {
    if (value[key] === undefined || value[key] === null) continue;
    output.writeFieldBegin(key, wireType(type), id);
    write(output, type, value[key]);
    output.writeFieldEnd();
  }
  output.writeFieldStop();
  output.writeStructEnd();
}

function readStruct(input, name) {
  const value = {};
  input.readStructBegin();
  for (;;) {
    const { ftype, fid } = input.readFieldBegin();
    if (ftype === Type.STOP) break;
    const field = STRUCTS[name].find(([id, , type]) => id === fid && wireType(type) === ftype);
    if (field) value[field[1]] = read(input, field[2]);
    else input.skip(ftype);
    input.readFieldEnd();
  }
  input.readStructEnd();
  return value;
}

// An item with something of every type in it, as the other peers have it.
function anItem(number, picture, hasFlags) {
  const flags = (values) => (hasFlags ? { flags: values } : {});
  const part = () => ({ id: -1, name: 'größe', ...flags([false, true, true]), sizes: [], sold: false, parts: [] });
  return {
    id: number,
    name: 'kettle',
    ...flags(Array.from({ length: 18 }, (_, at) => at % 2 === 0)),
    stock: { here: 2 ** 40, there: -1 },
    sizes: [-5, 0, 300],
    picture,
    price: 19.5,
    sold: true,
    parts: [part(), part()],
    shelf: -300,
  };
}

// A value that compares as its text: keys and sets in order, bytes as hexadecimal digits.
function plain(value, key) {
  if (Buffer.isBuffer(value)) return value.toString('hex');
  if (Array.isArray(value)) {
    const each = value.map((one) => plain(one));
    return key === 'sizes' ? each.sort((one, other) => one - other) : each;
  }
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.keys(value).sort().map((each) => [each, plain(value[each], each)]));
}

function isSame(one, other) {
  return JSON.stringify(plain(one)) === JSON.stringify(plain(other));
}

module.exports = { writeStruct, readStruct, anItem, isSame, plain };
