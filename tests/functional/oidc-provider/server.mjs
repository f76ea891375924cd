// Two independent OpenID providers on ports of this machine, one as staff have it and one as citizens do.
// The first argument is the configuration (JSON); a line of JSON on standard output says where they are. A third
// port takes orders: POST /tamper changes what is signed or told next, POST /rotate makes new signing keys.
import { createServer } from 'node:http';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { SignJWT, decodeJwt, importJWK } from 'jose';
import { Provider } from 'oidc-provider';

const config = JSON.parse(process.argv[2]);
const tamper = { id_token: null, header: null, userinfo: null };

function key(alg) {
  const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
  return { ...jwk, use: 'sig', alg, kid: randomUUID() };
}

async function tampered(ctx, jwk) {
  if (ctx.body?.id_token && (tamper.id_token || tamper.header)) {
    const header = { alg: jwk.alg, kid: jwk.kid, ...tamper.header };
    const claims = { ...decodeJwt(ctx.body.id_token), ...tamper.id_token };
    const signer = await importJWK({ ...jwk, alg: header.alg }, header.alg);
    ctx.body = { ...ctx.body, id_token: await new SignJWT(claims).setProtectedHeader(header).sign(signer) };
  }
  if (ctx.path === '/me' && tamper.userinfo) ctx.body = { ...ctx.body, ...tamper.userinfo };
}

function provider(issuer, { alg, client, accounts, scopes, acr_values }) {
  const jwk = key(alg);
  const made = new Provider(issuer, {
    clients: [client],
    jwks: { keys: [jwk] },
    cookies: { keys: [randomUUID()] },
    pkce: { required: () => true },
    scopes: Object.keys(scopes),
    claims: scopes,
    acrValues: acr_values,
    // Its own way to the network calls nobody on this machine, and nobody else is there.
    fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined }),
    features: { backchannelLogout: { enabled: true } },
    enabledJWA: { idTokenSigningAlgValues: [alg], clientAuthSigningAlgValues: ['RS512', 'HS256'] },
    findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
  });
  made.use(async (ctx, next) => {
    await next();
    await tampered(ctx, jwk);
  });
  return made.callback();
}

function listening(handler) {
  const server = createServer((request, response) => handler(request, response));
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${server.address().port}`));
  });
}

const handlers = {};
const issuers = {};
for (const [name, settings] of Object.entries(config)) {
  issuers[name] = await listening((request, response) => handlers[name](request, response));
  handlers[name] = provider(issuers[name], settings);
}

async function ordered(request, response) {
  let body = '';
  for await (const chunk of request) body += chunk;
  const order = JSON.parse(body || '{}');
  if (request.url === '/tamper') Object.assign(tamper, { id_token: null, header: null, userinfo: null }, order);
  if (request.url === '/rotate') handlers[order.name] = provider(issuers[order.name], config[order.name]);
  response.end();
}

console.log(JSON.stringify({ ...issuers, control: await listening(ordered) }));
