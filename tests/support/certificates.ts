/**
 * An own certificate authority and a certificate for the loopback address, made with openssl.
 *
 * @module
 */

/** Files in PEM form. */
export interface Certificates {
  /** The authority. */
  readonly caFile: string;
  /** What the server shows. */
  readonly certFile: string;
  /** Its key. */
  readonly keyFile: string;
}

/** Makes an authority and a certificate of it for 127.0.0.1 and localhost, in a folder. */
export async function makeCertificates(folder: string, name: string): Promise<Certificates> {
  const path = (file: string) => `${folder}/${name}-${file}`;
  const made = { caFile: path("ca.pem"), certFile: path("cert.pem"), keyFile: path("key.pem") };
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const caKey = path("ca-key.pem");
  await openssl(
    ...["req", "-x509", ...newKey, "-days", "2", "-subj", `/CN=${name} authority`],
    ...["-keyout", caKey, "-out", made.caFile],
  );
  await openssl(
    ...["req", "-x509", ...newKey, "-days", "1", "-subj", "/CN=localhost"],
    ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
    ...["-CA", made.caFile, "-CAkey", caKey, "-keyout", made.keyFile, "-out", made.certFile],
  );
  return made;
}

async function openssl(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
