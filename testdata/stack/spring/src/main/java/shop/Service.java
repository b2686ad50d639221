package shop;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.http.ResponseEntity;
import org.springframework.security.authorization.AuthenticatedAuthorizationManager;
import org.springframework.security.authorization.AuthorizationDecision;
import org.springframework.security.authorization.AuthorizationManagers;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.annotation.web.configurers.AbstractHttpConfigurer;
import org.springframework.security.crypto.password.NoOpPasswordEncoder;
import org.springframework.security.crypto.password.PasswordEncoder;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerRegistry;

/**
 * A service that calls one other, through a breaker of that one's name. --shop.calls=NAME and --shop.at=URL say which;
 * one that calls none is the last of the chain. --shop.secured=true puts its actuator behind a login.
 */
@SpringBootApplication
@RestController
public class Service {
    private final HttpClient http = HttpClient.newHttpClient();
    private final AtomicLong arrived = new AtomicLong();
    private final AtomicBoolean failing = new AtomicBoolean();
    private final AtomicBoolean closed = new AtomicBoolean();
    private final CircuitBreakerRegistry breakers;
    private final CircuitBreaker breaker;
    private final String at;

    Service(CircuitBreakerRegistry breakers, @Value("${shop.calls:}") String calls, @Value("${shop.at:}") String at) {
        this.breakers = breakers;
        this.breaker = calls.isEmpty() ? null : breakers.circuitBreaker(calls);
        this.at = at;
    }

    public static void main(String[] args) {
        SpringApplication.run(Service.class, args);
    }

    /** One call: 200, 500 where the other fails, 503 where the breaker does not let it through. */
    @GetMapping("/call")
    ResponseEntity<String> call() {
        arrived.incrementAndGet();
        if (failing.get()) {
            return ResponseEntity.internalServerError().body("told to fail");
        }
        if (breaker == null) {
            return ResponseEntity.ok("done");
        }
        try {
            return ResponseEntity.ok(breaker.executeCallable(this::further));
        } catch (CallNotPermittedException e) {
            return ResponseEntity.status(503).body(e.getMessage());
        } catch (Exception e) {
            return ResponseEntity.internalServerError().body(e.toString());
        }
    }

    private String further() throws IOException, InterruptedException {
        var answer = http.send(HttpRequest.newBuilder(URI.create(at + "/call")).timeout(Duration.ofSeconds(5)).build(),
            HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException("answers " + answer.statusCode());
        }
        return answer.body();
    }

    /** How many calls have really come here. */
    @GetMapping("/arrived")
    long arrived() {
        return arrived.get();
    }

    @PostMapping("/fail")
    void fail(@RequestParam boolean on) {
        failing.set(on);
    }

    /** Makes a breaker that nothing goes through. */
    @PutMapping("/breaker/{name}")
    void add(@PathVariable String name) {
        breakers.circuitBreaker(name);
    }

    @DeleteMapping("/breaker/{name}")
    void remove(@PathVariable String name) {
        breakers.remove(name);
    }

    /** Whether a secured actuator refuses those who have logged in, too. */
    @PostMapping("/close")
    void close(@RequestParam boolean on) {
        closed.set(on);
    }

    /** Else each request of who logs in would take a tenth of a second to check the password. */
    @Bean
    @SuppressWarnings("deprecation")
    PasswordEncoder plain() {
        return NoOpPasswordEncoder.getInstance();
    }

    @Bean
    SecurityFilterChain gate(HttpSecurity http, @Value("${shop.secured:false}") boolean secured) throws Exception {
        http.csrf(AbstractHttpConfigurer::disable).authorizeHttpRequests(r -> {
            if (secured) {
                r.requestMatchers("/actuator/**").access(AuthorizationManagers.allOf(
                    AuthenticatedAuthorizationManager.authenticated(), (who, what) -> new AuthorizationDecision(!closed.get())));
            }
            r.anyRequest().permitAll();
        });
        return http.httpBasic(Customizer.withDefaults()).build();
    }
}
