// awesomerpc's codec in C++, judged by metaprotocol-sdk over stdin and stdout:
//
//   g++ -std=c++17 -O2 -o awesomerpc awesomerpc.cpp
//   metaproto conformance awesomerpc@./awesomerpc
//
// The message, big-endian: version i8 | pack_flow u32 (request id) | pack_len u32 (whole message) | req_cmd i16 |
// rsp_code i16 | body. Questions are ASCII, have no space outside strings and no key twice, so finding "key": is enough.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <strings.h>
#include <unistd.h>

using std::string;
using std::to_string;

// --- JSON and hex, as little as it takes ---------------------------------------------------------------------------

// The value at a place, which moves behind it: a string without its quotes, escapes left in; else up to what ends it.
string token(const string& json, size_t& at) {
  const bool is_string = json[at] == '"';
  const size_t start = is_string ? ++at : at;
  while (is_string ? json[at] != '"' : string(",]}").find(json[at]) == string::npos) at += json[at] == '\\' ? 2 : 1;
  return json.substr(start, (is_string ? at++ : at) - start);
}

size_t find(const string& json, const string& key) {
  const string name = "\"" + key + "\":";
  const size_t at = json.find(name);
  if (at == string::npos) throw std::runtime_error("the question has no " + key);
  return at + name.size();
}

string value(const string& json, const string& key) {
  size_t at = find(json, key);
  return token(json, at);
}

uint64_t number(const string& json, const string& key) { return strtoull(value(json, key).c_str(), nullptr, 10); }

uint32_t unit(const string& text, size_t at) { return strtoul(text.substr(at, 4).c_str(), nullptr, 16); }

// A string's text as UTF-8.
string plain(const string& text) {
  static const string escapes = "nrtbf", meanings = "\n\r\t\b\f";
  string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '\\') { out += text[i]; continue; }
    const char kind = text[++i];
    const size_t known = escapes.find(kind);
    if (kind != 'u') { out += known == string::npos ? kind : meanings[known]; continue; }
    uint32_t code = unit(text, i + 1);
    i += 4;
    if (code >= 0xD800 && code < 0xDC00) {  // the first of two surrogates: \ud83d\ude42
      code = 0x10000 + ((code - 0xD800) << 10) + (unit(text, i + 3) - 0xDC00);
      i += 6;
    }
    const int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    out += char(leads[more] | (code >> (6 * more)));
    for (int left = more - 1; left >= 0; left--) out += char(0x80 | ((code >> (6 * left)) & 0x3F));
  }
  return out;
}

string bytes(const string& hex) {
  string out;
  for (size_t i = 0; i < hex.size(); i += 2) out += char(strtoul(hex.substr(i, 2).c_str(), nullptr, 16));
  return out;
}

string hex(const string& data) {
  static const char digits[] = "0123456789abcdef";
  string out;
  for (unsigned char c : data) { out += digits[c >> 4]; out += digits[c & 15]; }
  return out;
}

string written(const string& message) { return "{\"data\":\"" + hex(message) + "\"}"; }

string refusal(const string& kind, const string& reason, const string& more = "") {
  return "{\"error\":\"" + kind + "\",\"reason\":\"" + reason + "\"" + more + "}";
}

// --- The codec -----------------------------------------------------------------------------------------------------

const size_t HEADER = 13, FLOW = 1, LENGTH = 5, COMMAND = 9, CODE = 11;

uint32_t get(const string& m, size_t at, int width) {
  uint32_t out = 0;
  for (int i = 0; i < width; i++) out = out << 8 | uint8_t(m[at + i]);
  return out;
}

void put(string& m, size_t at, int width, uint32_t number) {
  for (int i = width - 1; i >= 0; i--, number >>= 8) m[at + i] = char(number & 0xFF);
}

string decode(const string& question) {
  const string data = bytes(value(question, "data"));
  if (data.size() < HEADER) return "{\"status\":\"WAIT_FOR_DATA\",\"needed\":" + to_string(HEADER) + "}";
  const size_t size = get(data, LENGTH, 4);
  if (size < HEADER) return refusal("decode", "a message has 13 bytes or more", ",\"offset\":5");
#ifndef BROKEN_UNBOUNDED
  if (size > number(question, "max_message_size"))
    return refusal("decode", to_string(size) + " bytes are over the limit", ",\"offset\":5");
#endif
  if (data.size() < size) return "{\"status\":\"WAIT_FOR_DATA\",\"needed\":" + to_string(size) + "}";
#ifdef BROKEN_COMMAND
  const string command = to_string(get(data, COMMAND, 2));  // req_cmd is signed
#else
  const string command = to_string(int16_t(get(data, COMMAND, 2)));
#endif
  return "{\"status\":\"DONE\",\"taken\":" + to_string(size) + ",\"metadata\":{\"request_id\":" +
         to_string(get(data, FLOW, 4)) + ",\"response_status\":\"" + (get(data, CODE, 2) ? "ERROR" : "OK") +
         "\",\"operation_name\":\"cmd/" + command + "\",\"header_size\":13,\"body_size\":" + to_string(size - HEADER) +
         ",\"strings\":{\"cmd\":\"" + command + "\"}}}";
}

string encode(const string& question) {
  string message = bytes(value(question, "message"));
#ifndef BROKEN_ID
  put(message, FLOW, 4, number(question, "request_id"));
#endif
  for (size_t at = find(question, "mutation") + 1; question[at] == '['; at += question[at] == ',') {
    const string key = plain(token(question, ++at));
    const bool removes = question[++at] != '"';
    const string text = plain(token(question, at));
    at++;
    char* end = nullptr;
    const long command = strtol(text.c_str(), &end, 10);
    if (strcasecmp(key.c_str(), "cmd") || removes || text != to_string(int16_t(command)))
      return refusal("encode", "a message carries nothing but cmd, a number of 16 bits");
#ifndef BROKEN_MUTATION
    put(message, COMMAND, 2, command);
#endif
  }
  return written(message);
}

string on_error(const string& question) {
  static const string types[] = {"ROUTE_NOT_FOUND", "CLUSTER_NOT_FOUND", "NO_HEALTHY_UPSTREAM",
                                 "BAD_RESPONSE",    "UNSPECIFIED",       "OVER_LIMIT"};
  string reply = bytes(value(question, "request")).substr(0, HEADER) + plain(value(question, "error_message"));
  for (int i = 0; i < 6; i++)
    if (value(question, "error_type") == types[i]) put(reply, CODE, 2, i + 1);
  put(reply, LENGTH, 4, reply.size());
#ifndef BROKEN_REPLY
  put(reply, FLOW, 4, number(question, "request_id"));
#else
  put(reply, FLOW, 4, 0);
#endif
  return written(reply);
}

string answer(const string& question) {
  const string op = value(question, "op");
  if (op == "hello")
    return "{\"protocol\":1,\"name\":\"awesomerpc\",\"request_ids\":[0,4294967295],\"rewrites\":false}";
#ifdef BROKEN_CRASHES
  if (op == "on_error") abort();
#endif
#ifdef BROKEN_HANGS
  while (op == "on_error") pause();
#endif
#ifdef BROKEN_PRINTS
  if (op == "on_error") puts("answering with an error");
#endif
  if (op == "decode") return decode(question);
  if (op == "encode") return encode(question);
  if (op == "on_error") return on_error(question);
  return refusal("exception", "there is no op of that name");
}

int main() {
  unsigned char head[4];
  while (fread(head, 1, 4, stdin) == 4) {
    string question(uint32_t(head[0]) << 24 | head[1] << 16 | head[2] << 8 | head[3], '\0');
    if (fread(&question[0], 1, question.size(), stdin) != question.size()) return 1;
    const string said = answer(question);
    for (int shift = 24; shift >= 0; shift -= 8) putchar(int(said.size() >> shift & 0xFF));
    fwrite(said.data(), 1, said.size(), stdout);
    fflush(stdout);
  }
}
