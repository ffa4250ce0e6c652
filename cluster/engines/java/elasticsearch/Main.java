import java.nio.file.Path;
import java.util.Map;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/** Elasticsearch from its published jars: Main HOME PORT. */
public class Main {
    public static void main(String[] args) throws Exception {
        LogConfigurator.configureESLogging();
        Path home = Path.of(args[0]);
        Settings settings = Settings.builder()
            .put("path.home", home)
            .put("http.host", "127.0.0.1")
            .put("http.port", args[1])
            .put("transport.host", "127.0.0.1")
            .put("transport.port", "0")
            .put("discovery.type", "single-node")
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .build();
        Environment environment = new Environment(settings, home.resolve("config"));
        PluginsLoader loader = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(environment.modulesDir()),
            PluginsLoader.loadPluginsBundles(environment.pluginsDir()),
            Map.of());
        new Node(environment, loader).start();
        // Its own threads keep no process alive.
        Thread.currentThread().join();
    }
}
