package shop;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.KeyStoreWrapper;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.OneNode;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.transport.netty4.Netty4Plugin;
import org.elasticsearch.xpack.core.XPackPlugin;
import org.elasticsearch.xpack.security.Security;

/** One Elasticsearch node on loopback: HOME [SETTING=VALUE ...]. With ELASTIC_PASSWORD in its environment it wants a login. */
public final class Elastic {
    public static void main(String[] args) throws Exception {
        var home = Path.of(args[0]);
        Files.createDirectories(home.resolve("config"));
        var password = System.getenv("ELASTIC_PASSWORD");
        var settings = Settings.builder().put("path.home", home.toString()).put("cluster.name", "shop").put("node.name", "node-0")
            .put("network.host", "127.0.0.1").put("discovery.type", "single-node")
            .put("cluster.routing.allocation.disk.threshold_enabled", false);
        for (var setting : List.of(args).subList(1, args.length)) {
            var pair = setting.split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        if (password != null) {
            var secrets = KeyStoreWrapper.create();
            secrets.setString("bootstrap.password", password.toCharArray());
            settings.setSecureSettings(secrets).put("xpack.security.enabled", true)
                .put("xpack.security.authc.api_key.enabled", true).put("xpack.security.transport.ssl.enabled", false);
        }
        LogConfigurator.registerErrorListener();
        LogConfigurator.configureWithoutConfig(Settings.builder().put("logger.level", "WARN").build());
        LogConfigurator.configureESLogging();

        var environment = InternalSettingsPreparer.prepareEnvironment(settings.build(), Map.of(), home.resolve("config"), () -> "node-0");
        List<Plugin> plugins = new ArrayList<>(List.of(new Netty4Plugin(), new Missing()));
        if (password != null) {
            plugins.add(new XPackPlugin(environment.settings()));
            plugins.add(new Security(environment.settings()));
        }
        var node = new OneNode(environment, plugins);
        var ended = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try (node) {
                ended.countDown();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        node.start();
        ended.await();
    }

    private Elastic() {}
}
