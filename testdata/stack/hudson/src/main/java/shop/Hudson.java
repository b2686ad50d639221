package shop;

/** Starts Hudson, which takes Java 17 for 1.0 and would refuse it: it is told that it has 1.8. */
public class Hudson {
  public static void main(String[] args) throws Exception {
    System.setProperty("java.version", "1.8.0");
    Class.forName("org.eclipse.hudson.war.Executable").getMethod("main", String[].class).invoke(null, (Object) args);
  }
}
