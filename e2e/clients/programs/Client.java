import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.stream.Collectors;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * Connects again and again with Java's own cache of sessions, and prints what each connection was, a JSON object a
 * line. Java does not say whether a connection resumed.
 */
public class Client {
    public static void main(String[] args) throws Exception {
        var port = Integer.parseInt(args[0]);
        var store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (var file = new FileInputStream(args[1])) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        var context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        for (var visit = 0; visit < Integer.parseInt(args[3]); visit++) {
            try (var socket = (SSLSocket) context.getSocketFactory().createSocket("localhost", port)) {
                var parameters = socket.getSSLParameters();
                parameters.setApplicationProtocols(new String[] {"http/1.1"});
                parameters.setEndpointIdentificationAlgorithm("HTTPS");
                parameters.setProtocols(
                        args[2].equals("TLSv1.2") ? new String[] {"TLSv1.2"} : new String[] {"TLSv1.3", "TLSv1.2"});
                socket.setSSLParameters(parameters);
                var request = "GET /again HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
                socket.getOutputStream().write(request.getBytes("US-ASCII"));
                socket.getInputStream().readAllBytes();
                var chain = Arrays.stream(socket.getSession().getPeerCertificates())
                        .map(certificate -> '"' + digestOf(certificate) + '"')
                        .collect(Collectors.joining(","));
                System.out.printf("{\"chain\":[%s],\"alpn\":\"%s\"}%n", chain, socket.getApplicationProtocol());
            }
        }
    }

    private static String digestOf(Certificate certificate) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
        } catch (Exception error) {
            throw new IllegalStateException(error);
        }
    }
}
